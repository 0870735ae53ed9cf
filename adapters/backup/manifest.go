package backup

import (
	"encoding/json"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// The files of a backup.
const (
	versionName  = "docuvault-backup"
	versionText  = "docuvault-backup 1\n"
	objectsDir   = "objects"
	objectsName  = "objects.jsonl"
	rowsName     = "rows.jsonl"
	manifestName = "manifest.json"
)

// Nothing longer is read.
const (
	maxManifest = 64 << 20
	maxLine     = 256 << 20 // the text of a document is in one
)

// manifest is manifest.json.
type manifest struct {
	CreatedAt time.Time `json:"created_at"`
	Schema    string    `json:"schema_sha256"` // of the tables' description when the backup was made; for people
	Backend   string    `json:"storage_backend"`
	Counts    counts    `json:"counts"`
	Rows      listed    `json:"rows"`
	Objects   listed    `json:"objects"`
	Gone      []string  `json:"gone"` // keys that rows name and that are not in the backup
}

type counts struct {
	Folders   int `json:"folders"`
	Topics    int `json:"topics"`
	Documents int `json:"documents"`
	Filings   int `json:"filings"`
	Objects   int `json:"objects"`
}

// listed is size and hash of a list.
type listed struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func manifestOf(notes ports.BackupNotes, schema string, rows, objects listed, number int) manifest {
	m := manifest{CreatedAt: notes.CreatedAt, Schema: schema, Backend: notes.Backend, Rows: rows, Objects: objects, Gone: []string{},
		Counts: counts{notes.Rows.Folders, notes.Rows.Topics, notes.Rows.Documents, notes.Rows.Filings, number}}
	for _, key := range notes.Gone {
		m.Gone = append(m.Gone, key.String())
	}
	return m
}

func parseManifest(text []byte) (m manifest, notes ports.BackupNotes, err error) {
	if json.Unmarshal(text, &m) != nil {
		return m, notes, damaged(manifestName, "it cannot be read")
	}
	notes = ports.BackupNotes{CreatedAt: m.CreatedAt, Backend: m.Backend,
		Rows: ports.RowCounts{Folders: m.Counts.Folders, Topics: m.Counts.Topics, Documents: m.Counts.Documents, Filings: m.Counts.Filings}}
	for _, text := range m.Gone {
		key, err := domain.ParseObjectKey(text)
		if err != nil {
			return m, notes, damaged(manifestName, "it names what is no object key")
		}
		notes.Gone = append(notes.Gone, key)
	}
	return m, notes, nil
}

func damaged(name, what string) error {
	return domain.Errorf(domain.Malformed, "the backup is damaged, %q: %s", name, what).Because("damaged")
}

func unfinished() error {
	return domain.Errorf(domain.Malformed, "the backup is not finished, or none: there is no %s in it", manifestName).Because("unfinished")
}
