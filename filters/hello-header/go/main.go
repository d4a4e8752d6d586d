// hello-header sets, appends and removes request and response headers.
//
// This file only translates between the proxy's callbacks and config.go and operations.go, which decide.
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

func (s *stream) OnHttpRequestHeaders(int, bool) types.Action {
	return carryOut(s.config.request, headers.Request)
}

func (s *stream) OnHttpResponseHeaders(int, bool) types.Action {
	return carryOut(s.config.response, headers.Response)
}

// carryOut lets a message through even where the host refuses an operation: the log says so.
func carryOut(operations []operation, message headers.Map) types.Action {
	if apply(operations, message) != nil {
		proxywasm.LogWarn("the proxy refused an operation on a header")
	}
	return types.ActionContinue
}
