// Gives every response the header `x-@name@`.
//
// This file only translates between the proxy's callbacks and `config.ts`, which decides.

export * from "../../../sdk/assemblyscript/exports";

import {
  Action, Level, Plugin, Stream, log, register, responseHeaders,
} from "../../../sdk/assemblyscript/proxy";
import { Config } from "./config";

register(() => new Filter());

class Filter extends Plugin {
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

const HEADER = String.UTF8.encode("x-@name@");

/** One request and its response, under the configuration that was in force when the request arrived. */
class Message extends Stream {
  constructor(private config: Config) { super(); }

  onResponseHeaders(count: u32, endOfStream: bool): Action {
    // A message is let through even where the host refuses: the log says so.
    if (!responseHeaders.set(HEADER, this.config.value)) log(Level.Warn, "the proxy refused a header");
    return Action.Continue;
  }
}
