package main

import "weir/sdk/headers"

// operation is one thing to do to the headers of one name.
type operation struct {
	// op is one of ops.
	op string
	// name is a token (RFC 9110, section 5.6.2), as the configuration spells it.
	name string
	// value is empty where the operation takes none.
	value string
}

// What an operation does to the headers of its name.
const (
	// set leaves exactly one, with the value.
	set = "set"
	// appendTo adds one with the value beside those that are there.
	appendTo = "append"
	// setIfAbsent adds one with the value unless there is one already, whatever it holds.
	setIfAbsent = "set-if-absent"
	// remove takes all of them away.
	remove = "remove"
)

var ops = []string{set, appendTo, setIfAbsent, remove}

// apply carries out operations in their order; each sees what those before it did. An error means that the host refused
// one or more of them; all the others were carried out.
func apply(operations []operation, message headers.Map) error {
	var refused error
	for _, operation := range operations {
		if err := operation.apply(message); err != nil {
			refused = err
		}
	}
	return refused
}

func (o operation) apply(message headers.Map) error {
	switch o.op {
	case set:
		return message.Set(o.name, o.value)
	case appendTo:
		return message.Append(o.name, o.value)
	case remove:
		return message.Remove(o.name)
	}
	if _, found, err := message.Get(o.name); found || err != nil {
		return err
	}
	return message.Append(o.name, o.value)
}
