package postgres

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
)

// integers is an integer[] without NULLs in it, as database/sql passes it: in PostgreSQL's text form, such as {1,2}. Nil is NULL.
type integers []int

// Value implements driver.Valuer.
func (a integers) Value() (driver.Value, error) {
	if a == nil {
		return nil, nil
	}
	b := []byte{'{'}
	for i, n := range a {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(append(b, '}')), nil
}

// Scan implements sql.Scanner. An array of another shape, which only somebody else can have written, reads as nil.
func (a *integers) Scan(value any) error {
	*a = nil
	text, ok := value.(string)
	if value != nil && !ok {
		return fmt.Errorf("an array came as %T", value)
	}
	text, ok = strings.CutPrefix(strings.TrimSuffix(text, "}"), "{")
	if !ok || text == "" {
		return nil
	}
	var read integers
	for item := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(item)
		if err != nil {
			return nil
		}
		read = append(read, n)
	}
	*a = read
	return nil
}
