package main

import (
	"errors"
	"strings"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// hostData is the proxy's shared data.
type hostData struct{}

func (hostData) get(key string) ([]byte, uint32, error) {
	value, version, err := proxywasm.GetSharedData(key)
	switch {
	case errors.Is(err, types.ErrorStatusNotFound):
		return nil, 0, nil
	case err != nil || version == 0:
		// A host that hands out 0, which means "whatever the version", has no compare-and-swap.
		return nil, 0, errRefused
	}
	return value, version, nil
}

func (hostData) put(key string, value []byte, version uint32) error {
	err := proxywasm.SetSharedData(key, value, version)
	switch {
	case errors.Is(err, types.ErrorStatusCasMismatch):
		return errConflict
	case err != nil:
		return errRefused
	}
	return nil
}

// hostProperty reads a property by its path, whose parts have a NUL between them.
func hostProperty(path string) (string, bool) {
	value, err := proxywasm.GetProperty(strings.Split(path, "\x00"))
	return string(value), err == nil
}

// hostNow returns the nanoseconds since 1970.
func hostNow() uint64 {
	return uint64(time.Now().UnixNano())
}
