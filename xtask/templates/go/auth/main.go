// @name@ lets a request pass whose `x-api-key` is among the configured ones.
//
// This file only translates between the proxy's callbacks and config.go, which decides.
package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"weir/sdk/headers"
)

func main() {}

func init() {
	proxywasm.SetPluginContext(func(uint32) types.PluginContext { return &plugin{} })
}

// plugin is one plugin in one VM. Several may live side by side, each with its own configuration.
type plugin struct {
	types.DefaultPluginContext
	config config
}

func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	var text []byte
	if size > 0 {
		text, _ = proxywasm.GetPluginConfiguration()
	}
	config, err := readConfig(string(text))
	if err != nil {
		proxywasm.LogError(err.Error())
		return types.OnPluginStartStatusFailed
	}
	p.config = config
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext {
	return &stream{config: p.config}
}

// stream is one request and its response, under the configuration that was in force when the request arrived.
type stream struct {
	types.DefaultHttpContext
	config config
}

// header is where a request carries its key.
const header = "x-api-key"

func (s *stream) OnHttpRequestHeaders(int, bool) types.Action {
	given, found, err := headers.Request.Get(header)
	// Where the host refuses to take the key away, the request is refused as well: the key must not go on.
	if err == nil && found && s.config.knows(given) && headers.Request.Remove(header) == nil {
		return types.ActionContinue
	}
	if proxywasm.SendHttpResponse(401, nil, []byte("unauthorized\n"), -1) != nil {
		proxywasm.LogError("the proxy refused an answer; the request waits until it times out")
	}
	return types.ActionPause
}
