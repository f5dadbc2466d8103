import { audit } from "./audit";
import { common } from "./common";
import { driver } from "./driver";
import { lease } from "./lease";
import { earnings, offer } from "./offer";
import { owner } from "./owner";
import { place } from "./place";
import { wallet } from "./wallet";

export const en = { audit, common, driver, earnings, lease, offer, owner, place, wallet } as const;
export type Words = typeof en;
