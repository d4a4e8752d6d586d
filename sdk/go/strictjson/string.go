package strictjson

import (
	"strings"
	"unicode/utf8"
)

// Text reads a string, with its escapes resolved.
func (r *Reader) Text() string {
	r.open('"', "a string")
	if r.err != nil {
		return ""
	}
	start := r.at
	var text strings.Builder
	for r.at < len(r.text) {
		switch char := r.text[r.at]; {
		case char == '"':
			r.at++
			if !utf8.ValidString(text.String()) {
				r.fail(start, "UTF-8", "bytes that are not")
			}
			return text.String()
		case char == '\\':
			char, length := escape(r.text[r.at:])
			if length == 0 {
				r.fail(r.at, `an escape such as \u00e9`, "one that JSON has not")
				return ""
			}
			text.WriteRune(char)
			r.at += length
		case char < ' ':
			r.fail(r.at, `control characters written as \u0000`, "a bare one")
			return ""
		default:
			text.WriteByte(char)
			r.at++
		}
	}
	r.fail(r.at, "the end of the string", "the end of the text")
	return ""
}

// escape resolves the escape that text begins with, and says how long it is: 0 where it is none of JSON's.
func escape(text string) (char rune, length int) {
	if len(text) < 2 {
		return 0, 0
	}
	if text[1] == 'u' {
		return unicodeEscape(text)
	}
	at := strings.IndexByte(`"\/bfnrt`, text[1])
	if at < 0 {
		return 0, 0
	}
	return rune("\"\\/\b\f\n\r\t"[at]), 2
}

// unicodeEscape resolves a \uXXXX, or two of them where they are a surrogate pair.
func unicodeEscape(text string) (char rune, length int) {
	high := codeUnit(text)
	if high < 0xd800 || high > 0xdfff {
		if high < 0 {
			return 0, 0
		}
		return high, 6
	}
	low := codeUnit(text[6:])
	if high > 0xdbff || low < 0xdc00 || low > 0xdfff {
		return 0, 0
	}
	return 0x1_0000 + (high-0xd800)<<10 + (low - 0xdc00), 12
}

// codeUnit returns the code unit of the \uXXXX that text begins with, or -1.
func codeUnit(text string) rune {
	if len(text) < 6 || text[:2] != `\u` {
		return -1
	}
	unit := rune(0)
	for i := 2; i < 6; i++ {
		digit := strings.IndexByte("0123456789abcdefABCDEF", text[i])
		if digit < 0 {
			return -1
		}
		if digit > 15 {
			digit -= 6
		}
		unit = unit<<4 | rune(digit)
	}
	return unit
}
