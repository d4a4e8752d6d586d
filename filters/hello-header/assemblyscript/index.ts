// Sets, appends and removes request and response headers.
//
// This file only translates between the proxy's callbacks and `config.ts` and `operations.ts`, which decide.

export * from "../../../sdk/assemblyscript/exports";

import {
  Action, Headers, Level, Plugin, Stream, log, register, requestHeaders, responseHeaders,
} from "../../../sdk/assemblyscript/proxy";
import { Config } from "./config";
import { Operation, apply } from "./operations";

register(() => new HelloHeader());

class HelloHeader extends Plugin {
  private config: Config = new Config();

  configure(text: ArrayBuffer): string | null {
    const config = new Config();
    const refusal = config.read(text);
    if (refusal === null) this.config = config;
    return refusal;
  }

  stream(): Stream {
    return new Message(this.config);
  }
}

/** One request and its response, under the configuration that was in force when the request arrived. */
class Message extends Stream {
  constructor(private config: Config) { super(); }

  onRequestHeaders(count: u32, endOfStream: bool): Action {
    return carryOut(this.config.request, requestHeaders);
  }

  onResponseHeaders(count: u32, endOfStream: bool): Action {
    return carryOut(this.config.response, responseHeaders);
  }
}

/** A message is let through even where the host refuses an operation: the log says so. */
function carryOut(operations: Operation[], headers: Headers): Action {
  if (!apply(operations, headers)) log(Level.Warn, "the proxy refused an operation on a header");
  return Action.Continue;
}
