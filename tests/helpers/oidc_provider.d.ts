/**
 * The part of `oidc-provider` that the tests use; the package has no types of its own.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";

/** Where the provider keeps what it knows, for one kind of it. */
export interface Adapter {
  upsert(id: string, payload: Stored, expiresIn?: number): Promise<void>;
  find(id: string): Promise<Stored | undefined>;
  findByUid(uid: string): Promise<Stored | undefined>;
  findByUserCode(userCode: string): Promise<Stored | undefined>;
  consume(id: string): Promise<void>;
  destroy(id: string): Promise<void>;
  revokeByGrantId(grantId: string): Promise<void>;
}

/** What the provider keeps. */
export interface Stored {
  uid?: string;
  grantId?: string;
  consumed?: number;
  [field: string]: unknown;
}

/** A token that the provider is about to issue. */
export interface IssuedToken {
  readonly kind: string;
  readonly accountId?: string;
}

/** What the provider knows of an account. */
export interface Account {
  readonly accountId: string;
  claims(): Promise<Readonly<Record<string, unknown>>>;
}

/** An authorization server. */
export default class Provider {
  constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
  /** Returns what answers its requests. */
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}
