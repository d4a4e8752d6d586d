// @name@ adds a line to the body of every response.
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

func (s *stream) OnHttpResponseHeaders(_ int, endOfStream bool) types.Action {
	// The length that the upstream announced is not that of what the client gets.
	if !endOfStream && headers.Response.Remove("content-length") != nil {
		proxywasm.LogWarn("the proxy refused to remove a header")
	}
	return types.ActionContinue
}

func (s *stream) OnHttpResponseBody(_ int, endOfStream bool) types.Action {
	if endOfStream && proxywasm.AppendHttpResponseBody([]byte(s.config.append)) != nil {
		proxywasm.LogWarn("the proxy refused a change of the body")
	}
	return types.ActionContinue
}
