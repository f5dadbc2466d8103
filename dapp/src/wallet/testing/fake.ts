/** A wallet for tests: a key, a chain, and whatever it is told to do wrong. */
import { privateKeyToAccount } from "viem/accounts";
import type { Hex } from "viem";
import type { Choice, Provider } from "../types";

export const KEY: Hex = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
export const OTHER: Hex = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";

export interface RpcError {
  code: number;
  message?: string;
  data?: unknown;
}

export class FakeWallet implements Provider {
  readonly asked: { method: string; params: unknown[] }[] = [];
  accounts: string[];
  chain: number;
  knows: Set<number>;
  /** What the next requests of a method come to, instead of an answer. */
  readonly failures = new Map<string, RpcError>();
  /** Called before a method is answered. */
  before: (method: string) => void | Promise<void> = () => undefined;
  balance = 10n ** 18n;
  private readonly listeners = new Map<string, Set<(value: never) => void>>();
  private readonly signer;

  constructor({ key = KEY, chain = 1337, knows = [1337] } = {}) {
    this.signer = privateKeyToAccount(key);
    this.accounts = [this.signer.address.toLowerCase()];
    this.chain = chain;
    this.knows = new Set(knows);
  }

  get address(): Hex {
    return this.signer.address;
  }

  count(method: string): number {
    return this.asked.filter((one) => one.method === method).length;
  }

  last(method: string): unknown[] {
    return this.asked.findLast((one) => one.method === method)?.params ?? [];
  }

  async request({ method, params }: { method: string; params?: unknown }): Promise<unknown> {
    const list = (params ?? []) as unknown[];
    this.asked.push({ method, params: list });
    await this.before(method);
    const failure = this.failures.get(method);
    if (failure) throw Object.assign(new Error(failure.message ?? "no"), failure);
    switch (method) {
      case "eth_requestAccounts":
      case "eth_accounts":
        return this.accounts;
      case "eth_chainId":
        return `0x${this.chain.toString(16)}`;
      case "wallet_switchEthereumChain":
        return this.change(Number((list[0] as { chainId: string }).chainId));
      case "wallet_addEthereumChain":
        this.knows.add(Number((list[0] as { chainId: string }).chainId));
        return null;
      case "personal_sign":
        return this.signer.signMessage({ message: { raw: list[0] as Hex } });
      case "eth_signTypedData_v4":
        return this.signer.signTypedData(JSON.parse(String(list[1])) as never);
      case "eth_sendTransaction":
        return `0x${"ab".repeat(32)}`;
      case "eth_getBalance":
        return `0x${this.balance.toString(16)}`;
      case "eth_gasPrice":
        return "0x3b9aca00";
      case "eth_getBlockByNumber":
        return { timestamp: "0x1" };
      default:
        throw Object.assign(new Error("unsupported"), { code: 4200 });
    }
  }

  on(event: string, listener: (value: never) => void): void {
    const set = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, set.add(listener));
  }

  removeListener(event: string, listener: (value: never) => void): void {
    this.listeners.get(event)?.delete(listener);
  }

  emit(event: string, value: unknown): void {
    for (const listener of [...(this.listeners.get(event) ?? [])]) listener(value as never);
  }

  heard(event: string): number {
    return this.listeners.get(event)?.size ?? 0;
  }

  choice(id = "test.wallet"): Choice {
    return { id, name: "Test", icon: null, kind: "extension", provider: this };
  }

  private change(wanted: number): null {
    if (!this.knows.has(wanted)) throw Object.assign(new Error("unknown"), { code: 4902 });
    this.chain = wanted;
    this.emit("chainChanged", `0x${wanted.toString(16)}`);
    return null;
  }
}
