package celery

import "unicode/utf8"

// maxRepr bounds argsrepr and kwargsrepr, in bytes (celery/app/amqp.py: argsrepr_maxsize).
const maxRepr = 1024

// pyRepr shows a JSON document as Python's repr would show the value, cut at maxRepr. With tuple, an array at
// the top is shown as a tuple: that is what argsrepr is.
func pyRepr(doc []byte, tuple bool) string {
	out := make([]byte, 0, 64)
	open, count := make([]byte, 0, 8), 0
	for i := 0; i < len(doc) && len(out) <= maxRepr; i++ {
		switch c := doc[i]; c {
		case ' ', '\n', '\t', '\r':
		case '[', '{':
			show := c
			if tuple && len(open) == 0 && c == '[' {
				show = '('
			}
			open, out = append(open, show), append(out, show)
		case ']', '}':
			switch {
			case open[len(open)-1] == '(':
				if count == 0 && len(out) > 1 {
					out = append(out, ',')
				}
				out = append(out, ')')
			default:
				out = append(out, c)
			}
			open = open[:len(open)-1]
		case ',':
			if len(open) == 1 {
				count++
			}
			out = append(out, ", "...)
		case ':':
			out = append(out, ": "...)
		case '"':
			end, err := scanString(doc, i)
			if err != nil {
				return string(out)
			}
			out = appendPyString(out, unquote(doc[i:end]))
			i = end - 1
		case 'n':
			out, i = append(out, "None"...), i+3
		case 't':
			out, i = append(out, "True"...), i+3
		case 'f':
			out, i = append(out, "False"...), i+4
		case 'N':
			out, i = append(out, "nan"...), i+2
		case 'I':
			out, i = append(out, "inf"...), i+7
		default:
			out = append(out, c)
		}
	}
	if len(out) > maxRepr {
		cut := maxRepr - 3
		for cut > 0 && !utf8.RuneStart(out[cut]) {
			cut--
		}
		return string(out[:cut]) + "..."
	}
	return string(out)
}

func appendPyString(dst []byte, s string) []byte {
	const quote = '\'' // always, as Celery's saferepr does
	dst = append(dst, quote)
	for i := 0; i < len(s) && len(dst) <= maxRepr; i++ {
		switch c := s[i]; {
		case c == quote || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < 0x20 || c == 0x7f:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, quote)
}
