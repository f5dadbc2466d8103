import { render } from "preact";
import { App } from "./app";
import { keepApp } from "./offline/register";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/wallet.css";
import "./look";

const root = document.getElementById("app");
if (root) render(<App />, root);
keepApp();
