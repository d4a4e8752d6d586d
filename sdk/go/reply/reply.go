// Package reply answers requests in place of the upstream.
package reply

// Reply is a response of the filter's own.
type Reply struct {
	Status uint32
	// Headers are those beside the ones that the proxy adds (date, server, content-length).
	Headers [][2]string
	Body    []byte
	// GRPCStatus is for a client that speaks gRPC; -1 is the one that the proxy makes of the status.
	GRPCStatus int32
}

// Send answers the request; the callback must then return types.ActionPause, and the filter sees the reply pass by as a
// response. False means that the host refused.
//
// The details tell an operator why, in one word: Envoy's access log shows it as %RESPONSE_CODE_DETAILS%. The SDK has no
// place for them.
func (r Reply) Send(details string) bool {
	return send(r.Status, details, r.Body, serialized(r.Headers), r.GRPCStatus)
}

// serialized writes pairs as the ABI has them: how many, the sizes of all names and values, and each with a NUL behind.
func serialized(pairs [][2]string) []byte {
	var sizes, texts []byte
	for _, pair := range pairs {
		for _, text := range pair {
			sizes = append(sizes, word(len(text))...)
			texts = append(append(texts, text...), 0)
		}
	}
	return append(append(word(len(pairs)), sizes...), texts...)
}

func word(number int) []byte {
	return []byte{byte(number), byte(number >> 8), byte(number >> 16), byte(number >> 24)}
}
