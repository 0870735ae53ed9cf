package celery

import (
	"bytes"
	"time"
)

// quarantineInfo is the first line of a quarantined message.
type quarantineInfo struct {
	Queue  string
	Reason string
	Detail string
	TaskID string
	Task   string
	At     time.Time
}

func quarantineDocument(info quarantineInfo, raw []byte) []byte {
	head := object{{"queue", info.Queue}, {"reason", info.Reason}, {"detail", info.Detail}, {"task_id", info.TaskID},
		{"task", info.Task}, {"at", float64(info.At.UnixMilli()) / 1000}}
	doc, err := head.append(nil)
	if err != nil { // strings and one number: it cannot happen
		doc = []byte("{}")
	}
	return bytes.Join([][]byte{doc, raw}, []byte{'\n'})
}
