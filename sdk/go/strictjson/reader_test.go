package strictjson

import "testing"

// read takes a text of the shape {"list": [{"op": "set" | "remove", "name": STRING}, …], "on": STRING}.
func read(text string) ([][2]string, error) {
	var list [][2]string
	reader := New(text)
	for fields := reader.Object("list", "on"); fields.Next(); {
		if fields.Field() == "on" {
			reader.Text()
			continue
		}
		for elements := reader.Array(3); elements.Next(); {
			var element [2]string
			for fields := reader.Object("op", "name"); fields.Next(); {
				if fields.Field() == "op" {
					element[0] = reader.Word("set", "remove")
				} else {
					element[1] = reader.StringWhere("a short name", func(name string) bool { return len(name) < 9 })
				}
			}
			if element[1] == "" {
				reader.Refuse("name", "a string", "nothing")
			}
			list = append(list, element)
		}
	}
	return list, reader.End()
}

func TestReadsWhatWasAskedFor(t *testing.T) {
	list, err := read(" {\"on\" :\"\",\r\n\t\"list\":[ {\"name\":\"a\",\"op\":\"remove\"} , {\"op\":\"set\",\"name\":\"b\"}]} ")
	if err != nil || len(list) != 2 || list[0] != [2]string{"remove", "a"} || list[1] != [2]string{"set", "b"} {
		t.Errorf("got %q and %v", list, err)
	}
}

func TestErrorsNameFieldExpectationAndPlace(t *testing.T) {
	for _, test := range [][2]string{
		{"", "configuration: expected an object, got the end of the text (line 1, column 1)"},
		{"\n nope", `configuration: expected an object, got "nope" (line 2, column 2)`},
		{"{1:2}", "configuration: expected the name of a field, got a number (line 1, column 2)"},
		{`{"on" 1}`, `on: expected ":", got a number (line 1, column 7)`},
		{`{"on":"" "list":[]}`, `configuration: expected "," or "}", got a string (line 1, column 10)`},
		{`{"of":1}`, `of: expected one of "list", "on", got an unknown field (line 1, column 2)`},
		{`{"on":"","on":""}`, "on: expected one field of this name, got a second (line 1, column 10)"},
		{`{"list":[{"name":"a"}}`, `list: expected "," or "]", got "}" (line 1, column 22)`},
		{"{\"list\":[\n{\"op\":\"sett\"}]}", `list[0].op: expected one of "set", "remove", got "sett" (line 2, column 7)`},
		{`{"list":[{"name": "too long a name"}]}`, `list[0].name: expected a short name, got "too long a name" (line 1, column 19)`},
		{`{"list":[{"op":"set"}]}`, "list[0].name: expected a string, got nothing (line 1, column 22)"},
		{
			`{"list":[{"name":"a"},{"name":"a"},{"name":"a"},{"name":"a"}]}`,
			"list: expected at most 3 elements, got more (line 1, column 49)",
		},
	} {
		if _, err := read(test[0]); err == nil || err.Error() != test[1] {
			t.Errorf("%s:\ngot      %v\nexpected %s", test[0], err, test[1])
		}
	}
}
