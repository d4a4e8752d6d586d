package reply

import "unsafe"

//go:wasmimport env proxy_send_local_response
func sendLocalResponse(
	status uint32,
	details unsafe.Pointer, detailsSize int32,
	body unsafe.Pointer, bodySize int32,
	headers unsafe.Pointer, headersSize int32,
	grpcStatus int32,
) uint32

func send(status uint32, details string, body, headers []byte, grpcStatus int32) bool {
	return sendLocalResponse(
		status,
		unsafe.Pointer(unsafe.StringData(details)), int32(len(details)),
		unsafe.Pointer(unsafe.SliceData(body)), int32(len(body)),
		unsafe.Pointer(unsafe.SliceData(headers)), int32(len(headers)),
		grpcStatus,
	) == 0
}
