package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestVerifyFindsOtherBytes: on a real database and bucket, a hash that is not that of the object is a difference, with an exit
// code of its own.
func TestVerifyFindsOtherBytes(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)
	v.mustUpload(t, "good.txt", "good")
	bad := v.mustUpload(t, "bad.txt", "bad")
	if code, stdout, stderr := once(t, s.env, "verify"); code != exitDone || !strings.Contains(stdout, "2 documents, 7 bytes read: 2 verified, 0 without a hash but of the right size, 0 different, 0 stored elsewhere") {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
	execute(t, s.db.AppDSN, "UPDATE documents SET sha256 = '\\x"+strings.Repeat("ab", 32)+"' WHERE id = '"+bad.ID+"'")
	code, stdout, stderr := once(t, s.env, "verify", "--json")
	var summary verifySummary
	if err := json.Unmarshal([]byte(stdout), &summary); err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	if code != exitDifferences || summary.Verified != 1 || summary.Different != 1 || len(summary.Differences) != 1 ||
		summary.Differences[0].Document != bad.ID || summary.Differences[0].Kind != "other_bytes" || summary.Differences[0].Expected != strings.Repeat("ab", 32) {
		t.Errorf("%d %+v %s", code, summary, stderr)
	}
	if code, stdout, _ := once(t, s.env, "verify"); code != exitDifferences || !strings.Contains(stdout, "other_bytes") || !strings.Contains(stdout, "1 different") {
		t.Errorf("%d %s", code, stdout)
	}
	if code, _, _ := once(t, s.env, "verify", "--parallel", "0"); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	stop(t, api)
}
