/** What becomes of signed calls: prepared, handed in, looked up. */
import { ask, client, type Schemas } from "./client";

export type PreparedCall = Schemas["PreparedOut"];
export type IntentState = Schemas["IntentStateOut"];
export type ForwardRequest = Schemas["SubmitBody"]["request"];

/** Tries the call as the signed-in account: why not, or what it needs and who pays for it. */
export function prepareCall(to: string, data: string): Promise<PreparedCall> {
  return ask(client.POST("/v1/intents/prepare", { body: { to, data } }));
}

/** Hands a signed request in; the operator brings it to the chain. */
export function submitRequest(request: ForwardRequest, signature: string): Promise<IntentState> {
  return ask(client.POST("/v1/intents/submit", { body: { request, signature } }));
}

/** How far it has come: of what was handed in, or of the wallet's own transaction. */
export function intentState(intentId: string, signal?: AbortSignal): Promise<IntentState> {
  const params = { path: { intentId } };
  return ask(client.GET("/v1/intents/{intentId}", { params, ...(signal ? { signal } : {}) }));
}
