module @name@

go 1.24

require (
	github.com/proxy-wasm/proxy-wasm-go-sdk @go_sdk@
	weir/sdk v0.0.0
)

replace weir/sdk => ../../../sdk/go
