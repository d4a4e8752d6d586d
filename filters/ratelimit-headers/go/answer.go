package main

import (
	"strings"

	"weir/sdk/reply"
)

// gRPC's status codes.
const (
	resourceExhausted = 8
	unavailable       = 14
)

// answer is how to say that a limit is reached.
type answer struct {
	status uint32
	// kind is problem, none, or empty for a fixed text.
	kind        string
	contentType string
	text        string
}

const (
	problem = "problem"
	none    = "none"
)

// limited returns the answer to a request that exceeds these policies; after wait nanoseconds it would not, if that is ever
// so. The names of policies need no escapes in JSON.
func (a answer) limited(wait uint64, violated []string) reply.Reply {
	limited := reply.Reply{Status: a.status, GRPCStatus: resourceExhausted}
	switch a.kind {
	case problem:
		names := ""
		if len(violated) > 0 {
			names = `"` + strings.Join(violated, `","`) + `"`
		}
		limited = problemOf(a.status, "https://iana.org/assignments/http-problem-types#quota-exceeded",
			"Request cannot be satisfied as assigned quota has been exceeded", `,"violated-policies":[`+names+`]`)
		limited.GRPCStatus = resourceExhausted
	case none:
	default:
		limited.Headers = [][2]string{{"content-type", a.contentType}}
		limited.Body = []byte(a.text)
	}
	if wait != never {
		limited.Headers = append(limited.Headers, [2]string{"retry-after", number(seconds(wait))})
	}
	return limited
}

// undecided returns the answer to a request of which it is not known whether it exceeds anything.
func (a answer) undecided() reply.Reply {
	undecided := reply.Reply{Status: 503}
	if a.kind != none {
		undecided = problemOf(503, "about:blank", "Service Unavailable", "")
	}
	undecided.GRPCStatus = unavailable
	undecided.Headers = append(undecided.Headers, [2]string{"retry-after", "1"})
	return undecided
}

// problemOf returns a problem in JSON (RFC 9457); more are members that are written already.
func problemOf(status uint32, kind, title, more string) reply.Reply {
	body := `{"type":"` + kind + `","title":"` + title + `","status":` + number(status) + more + `}`
	return reply.Reply{
		Status:  status,
		Headers: [][2]string{{"content-type", "application/problem+json"}},
		Body:    []byte(body),
	}
}
