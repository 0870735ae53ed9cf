package formats

import (
	"runtime"
	"strconv"
	"strings"
)

// stack returns the functions that were running, without their arguments: those may be text of a document.
func stack() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var b strings.Builder
	for {
		frame, more := frames.Next()
		b.WriteString(frame.Function)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(frame.Line))
		if !more {
			return b.String()
		}
		b.WriteByte(' ')
	}
}
