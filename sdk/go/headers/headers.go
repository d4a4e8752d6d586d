// Package headers reads and changes the headers of the message in hand, as bytes, and panics on nothing that a peer sends.
//
// The SDK hands a value out as a string that may hold any bytes, and an error for a header that is not there.
package headers

import (
	"errors"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// Map is what a filter needs of a header map. Names know no case (RFC 9110, section 5.1). Every error means that the
// host refused the call, and that the map is as it was.
type Map interface {
	// Get returns the value of the first header of this name, and whether there is one.
	Get(name string) (value string, found bool, err error)
	// All returns the values of all headers of this name, in their order. It copies the whole map: no call hands over more
	// than the first.
	All(name string) (values []string, err error)
	// Set leaves exactly one header of this name, with this value.
	Set(name, value string) error
	// Append adds a header beside those that have this name already.
	Append(name, value string) error
	// Remove removes every header of this name; there need not be one.
	Remove(name string) error
}

// Request is the map of the headers on their way to the upstream, and Response of those on their way to the downstream.
// Each exists in its own callback.
var (
	Request Map = host{
		get: proxywasm.GetHttpRequestHeader, pairs: proxywasm.GetHttpRequestHeaders,
		set:    proxywasm.ReplaceHttpRequestHeader,
		append: proxywasm.AddHttpRequestHeader, remove: proxywasm.RemoveHttpRequestHeader,
	}
	Response Map = host{
		get: proxywasm.GetHttpResponseHeader, pairs: proxywasm.GetHttpResponseHeaders,
		set:    proxywasm.ReplaceHttpResponseHeader,
		append: proxywasm.AddHttpResponseHeader, remove: proxywasm.RemoveHttpResponseHeader,
	}
)

type host struct {
	get         func(name string) (string, error)
	pairs       func() ([][2]string, error)
	set, append func(name, value string) error
	remove      func(name string) error
}

func (h host) Get(name string) (string, bool, error) {
	value, err := h.get(name)
	if errors.Is(err, types.ErrorStatusNotFound) {
		return "", false, nil
	}
	return value, err == nil, err
}

func (h host) All(name string) ([]string, error) {
	pairs, err := h.pairs()
	var values []string
	for _, pair := range pairs {
		if strings.EqualFold(pair[0], name) {
			values = append(values, pair[1])
		}
	}
	return values, err
}

func (h host) Set(name, value string) error    { return h.set(name, value) }
func (h host) Append(name, value string) error { return h.append(name, value) }
func (h host) Remove(name string) error        { return h.remove(name) }
