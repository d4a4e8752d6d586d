// What the host calls. A filter's entry file hands it on: `export * from "…/sdk/assemblyscript/exports";`. Callbacks that
// a filter does not declare in its manifest are pruned from what ships.

import { Action, allocate, configure, createContext, deleteContext, settle, streamOf } from "./proxy";

export function proxy_abi_version_0_2_1(): void { }

export function proxy_on_memory_allocate(size: usize): usize { return allocate(size); }

export function proxy_on_vm_start(id: u32, size: usize): bool { return true; }

export function proxy_on_context_create(id: u32, parent: u32): void { createContext(id, parent); }

export function proxy_on_configure(id: u32, size: usize): bool { return configure(id, size); }

export function proxy_on_request_headers(id: u32, count: u32, endOfStream: bool): Action {
  const action = streamOf(id).onRequestHeaders(count, endOfStream);
  settle();
  return action;
}

export function proxy_on_request_body(id: u32, size: u32, endOfStream: bool): Action {
  const action = streamOf(id).onRequestBody(size, endOfStream);
  settle();
  return action;
}

export function proxy_on_response_headers(id: u32, count: u32, endOfStream: bool): Action {
  const action = streamOf(id).onResponseHeaders(count, endOfStream);
  settle();
  return action;
}

export function proxy_on_response_body(id: u32, size: u32, endOfStream: bool): Action {
  const action = streamOf(id).onResponseBody(size, endOfStream);
  settle();
  return action;
}

export function proxy_on_delete(id: u32): void {
  deleteContext(id);
  settle();
}
