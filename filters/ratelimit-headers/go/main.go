// ratelimit-headers limits how many requests a client may make, over all workers, and tells it so in headers.
//
// This file only translates between the proxy's callbacks and running.go, which brings together what decides.
package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() {
	proxywasm.SetPluginContext(func(uint32) types.PluginContext { return &plugin{} })
}

// plugin is one plugin in one VM. Several may live side by side, each with its own configuration.
type plugin struct {
	types.DefaultPluginContext
	running *running
}

func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	var text []byte
	if size > 0 {
		text, _ = proxywasm.GetPluginConfiguration()
	}
	config, err := readConfig(string(text))
	if err == nil {
		p.running, err = start(config)
	}
	if err != nil {
		proxywasm.LogError(err.Error())
		return types.OnPluginStartStatusFailed
	}
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext {
	return &stream{running: p.running}
}

// stream is one request and its response, under the configuration that was in force when the request arrived.
type stream struct {
	types.DefaultHttpContext
	// running is nil only in a plugin whose configuration was refused, which a proxy sends no request to.
	running *running
	// standings are how the policies stand that are for a request that was let through.
	standings []standing
	// now is when that was found out, in nanoseconds since 1970.
	now uint64
}

func (s *stream) OnHttpRequestHeaders(int, bool) types.Action {
	if s.running == nil {
		return types.ActionContinue
	}
	now := hostNow()
	verdict := s.running.decide(now)
	s.running.count(verdict)
	if answer, details, isAnswered := s.running.answer(verdict, now); isAnswered {
		if !answer.Send(details) {
			proxywasm.LogError("the proxy refused the answer to a request that is limited")
		}
		return types.ActionPause
	}
	s.running.mark(verdict.standings)
	if verdict.outcome == allowed {
		s.standings, s.now = verdict.standings, now
	}
	return types.ActionContinue
}

func (s *stream) OnHttpResponseHeaders(int, bool) types.Action {
	if s.running != nil && len(s.standings) > 0 {
		s.running.settle(s.standings)
		s.running.tell(s.standings, s.now)
	}
	return types.ActionContinue
}
