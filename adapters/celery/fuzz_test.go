package celery

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzEnvelope reads arbitrary messages. Whatever can be read can be marked and counted on, and reads the same after.
func FuzzEnvelope(f *testing.F) {
	seed(f, func(raw string) { f.Add([]byte(raw)) })
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, bad := decodeDelivery(raw, limits{body: 1 << 16})
		if (d == nil) == (bad == nil) {
			t.Fatal("neither or both")
		}
		if m, err := parseEnvelope(raw); err == nil {
			again, err := parseEnvelope(m.markRedelivered())
			if err != nil {
				t.Fatalf("marking breaks it: %v\n%s", err, m.markRedelivered())
			}
			if m.headersStart > 0 && string(again.header("redelivered")) != "true" {
				t.Fatalf("not marked: %s", again.raw)
			}
			counted, err := parseEnvelope(m.withHeader(bounceHeader, "7"))
			if err != nil || m.headersStart > 0 && string(counted.header(bounceHeader)) != "7" {
				t.Fatalf("not counted: %v", err)
			}
		}
		if d != nil {
			if d.ID == "" || d.Name == "" || d.Protocol == 0 {
				t.Fatalf("%+v", d)
			}
			out, err := d.again(d.ETA, "gen1@test")
			if err != nil {
				t.Fatalf("cannot be retried: %v", err)
			}
			sealed, err := out.encode()
			if err != nil {
				t.Fatalf("cannot be retried: %v", err)
			}
			retried, bad := decodeDelivery(sealed, limits{body: 1 << 20})
			if bad != nil || retried.Retries != d.Retries+1 || retried.ID != d.ID || len(retried.Args) != len(d.Args) {
				t.Fatalf("the retry reads differently: %v", bad)
			}
		}
	})
}

// FuzzBody reads arbitrary bodies inside a good envelope, of every compression.
func FuzzBody(f *testing.F) {
	seed(f, func(raw string) {
		if m, err := parseEnvelope([]byte(raw)); err == nil {
			text, _ := asString(m.body)
			if b, err := base64.StdEncoding.DecodeString(text); err == nil {
				kind, _ := asString(m.header("compression"))
				f.Add(b, kind)
			}
		}
	})
	f.Fuzz(func(t *testing.T, body []byte, compression string) {
		headers := object{{"task", "t"}, {"id", "1"}}
		if compression != "" {
			headers = append(headers, field{"compression", compression})
		}
		o := outgoing{id: "1", queue: "q", headers: headers, body: body}
		raw, err := o.encode()
		if err != nil {
			t.Fatal(err)
		}
		d, bad := decodeDelivery(raw, limits{body: 1 << 16})
		if bad != nil {
			return
		}
		for _, a := range d.Args {
			if _, err := a.Any(); err != nil {
				t.Fatalf("argument passed and does not decode: %v", err)
			}
		}
	})
}

// FuzzValue compares our reader with encoding/json where both must agree, and writes back what it read.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`[1, "x", null, true, {"a": [1.5e3, -0.0]}]`, `"\ud83d\ude00\ud800"`, `[NaN, Infinity, -Infinity, 1208925819614629174706176]`,
		`{"__type__": "datetime", "__value__": "2026-11-23T20:21:23.187404+00:00"}`, `{"__type__": "uuid", "__value__": {"hex": "x"}}`, `"\u0000"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ours := scanDocument(b)
		if json.Valid(b) && utf8.Valid(b) && ours != nil && len(b) < maxDepth {
			t.Fatalf("JSON is refused: %v", ours)
		}
		if ours != nil {
			return
		}
		if _, err := Value(b).Any(); err != nil {
			t.Fatal(err)
		}
		out, err := appendRaw(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := appendRaw(nil, out)
		if err != nil || !bytes.Equal(out, twice) {
			t.Fatalf("not stable: %s then %s, %v", out, twice, err)
		}
		for _, c := range out {
			if c >= utf8.RuneSelf {
				t.Fatalf("not ASCII: %q", out)
			}
		}
		_ = pyRepr(out, true)
	})
}

func seed(f *testing.F, add func(string)) {
	f.Helper()
	for _, v := range vectorsOf(f, "msg_*.json") {
		for _, e := range v.Entries {
			add(e.Raw)
		}
	}
	for _, v := range vectorsOf(f, "malformed.json") {
		for _, c := range v.Cases {
			add(c.Raw)
		}
	}
}
