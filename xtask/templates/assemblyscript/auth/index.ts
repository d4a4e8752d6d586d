// Lets a request pass whose `x-api-key` is among the configured ones.
//
// This file only translates between the proxy's callbacks and `config.ts`, which decides.

export * from "../../../sdk/assemblyscript/exports";

import {
  Action, Level, Plugin, Stream, log, register, reply, requestHeaders,
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

/** Where a request carries its key. */
const HEADER = String.UTF8.encode("x-api-key");

/** One request and its response, under the configuration that was in force when the request arrived. */
class Message extends Stream {
  constructor(private config: Config) { super(); }

  onRequestHeaders(count: u32, endOfStream: bool): Action {
    const given = requestHeaders.get(HEADER);
    // Where the host refuses to take the key away, the request is refused as well: the key must not go on.
    if (given !== null && this.config.knows(given) && requestHeaders.remove(HEADER)) return Action.Continue;
    if (!reply(401, "", "unauthorized\n")) {
      log(Level.Error, "the proxy refused an answer; the request waits until it times out");
    }
    return Action.Pause;
  }
}
