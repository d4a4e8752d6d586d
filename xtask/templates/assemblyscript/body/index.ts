// Adds a line to the body of every response.
//
// This file only translates between the proxy's callbacks and `config.ts`, which decides.

export * from "../../../sdk/assemblyscript/exports";

import {
  Action, Level, Plugin, Stream, log, register, responseBody, responseHeaders,
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

const CONTENT_LENGTH = String.UTF8.encode("content-length");

/** One request and its response, under the configuration that was in force when the request arrived. */
class Message extends Stream {
  constructor(private config: Config) { super(); }

  onResponseHeaders(count: u32, endOfStream: bool): Action {
    // The length that the upstream announced is not that of what the client gets.
    if (!endOfStream && !responseHeaders.remove(CONTENT_LENGTH)) {
      log(Level.Warn, "the proxy refused to remove a header");
    }
    return Action.Continue;
  }

  onResponseBody(size: u32, endOfStream: bool): Action {
    if (endOfStream && !responseBody.append(size, this.config.append)) {
      log(Level.Warn, "the proxy refused a change of the body");
    }
    return Action.Continue;
  }
}
