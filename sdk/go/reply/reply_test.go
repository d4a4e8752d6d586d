package reply

import "testing"

func TestPairsAreWrittenAsTheABIHasThem(t *testing.T) {
	got := string(serialized([][2]string{{"a", "bc"}, {"d", ""}}))
	want := "\x02\x00\x00\x00" + "\x01\x00\x00\x00\x02\x00\x00\x00" + "\x01\x00\x00\x00\x00\x00\x00\x00" + "a\x00bc\x00d\x00\x00"
	if got != want {
		t.Errorf("got %q, expected %q", got, want)
	}
}
