import type { Words } from "../en";
import type { Shape } from "../shape";
import { audit } from "./audit";
import { common } from "./common";
import { driver } from "./driver";
import { lease } from "./lease";
import { earnings, offer } from "./offer";
import { owner } from "./owner";
import { place } from "./place";
import { wallet } from "./wallet";

export const zh: Shape<Words> = {
  audit,
  common,
  driver,
  earnings,
  lease,
  offer,
  owner,
  place,
  wallet,
};
