package formats

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// numberStyle is how a cell shows its number, as far as it matters for finding it: the value of an amount, the day of a date.
type numberStyle int

const (
	plainNumber numberStyle = iota
	percentage
	date
	timeOfDay
	dateAndTime
)

// dateBase is the day from which a workbook counts; true is 1904, which old Macs used.
type dateBase bool

// styleOf classifies a number format: its id if it is one of the built-in ones (ECMA-376 part 1, 18.8.30), else its code.
func styleOf(id int, code string) numberStyle {
	switch {
	case code != "":
		return styleOfCode(code)
	case id == 9 || id == 10:
		return percentage
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 58:
		return date
	case id == 22:
		return dateAndTime
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id >= 45 && id <= 47:
		return timeOfDay
	default:
		return plainNumber
	}
}

func styleOfCode(code string) numberStyle {
	code, _, _ = strings.Cut(strings.ToLower(code), ";") // what follows is for negative numbers
	var letters strings.Builder
	for i := 0; i < len(code); i++ {
		switch code[i] {
		case '"':
			if n := strings.IndexByte(code[i+1:], '"'); n >= 0 {
				i += n + 1
			}
		case '\\', '_', '*':
			i++
		case '[':
			n := strings.IndexByte(code[i:], ']')
			if n < 0 {
				n = len(code) - i - 1
			}
			if inside := strings.Trim(code[i+1:i+n], "hms"); inside == "" { // [h] counts hours beyond a day
				letters.WriteByte('h')
			}
			i += n
		default:
			letters.WriteByte(code[i])
		}
	}
	shown := letters.String()
	if strings.Contains(shown, "general") {
		return plainNumber
	}
	day, hour := strings.ContainsAny(shown, "yd"), strings.ContainsAny(shown, "hs")
	switch {
	case day && hour:
		return dateAndTime
	case hour:
		return timeOfDay
	case day || strings.Contains(shown, "mm"):
		return date
	case strings.Contains(shown, "%"):
		return percentage
	default:
		return plainNumber
	}
}

// format writes dates as ISO 8601 does, whatever their country, and numbers with the 15 digits that spreadsheets keep.
func (s numberStyle) format(n float64, from dateBase) string {
	const lastDay = 2958466 // 9999-12-31
	if s != plainNumber && s != percentage && n >= 0 && n < lastDay {
		t := fromSerial(n, from)
		switch {
		case s == date:
			return t.Format("2006-01-02")
		case s == timeOfDay && n < 1:
			return t.Format("15:04:05")
		default:
			return t.Format("2006-01-02 15:04:05")
		}
	}
	if s == percentage {
		return general(n*100) + "%"
	}
	return general(n)
}

func general(n float64) string {
	if math.Abs(n) < 1e15 && (n == 0 || math.Abs(n) >= 1e-9) {
		rounded, err := strconv.ParseFloat(strconv.FormatFloat(n, 'g', 15, 64), 64)
		if err == nil {
			return strconv.FormatFloat(rounded, 'f', -1, 64)
		}
	}
	return strconv.FormatFloat(n, 'G', 15, 64)
}

// fromSerial is the moment n days after the workbook's base. Lotus took 1900 for a leap year, and everyone after it does.
func fromSerial(n float64, from dateBase) time.Time {
	base := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case bool(from):
		base = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case n < 60:
		base = base.AddDate(0, 0, 1)
	}
	days, part := math.Modf(n)
	return base.AddDate(0, 0, int(days)).Add(time.Duration(math.Round(part*86400)) * time.Second)
}
