package app

import (
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// outcomeOf is what is kept of an extraction, topics and thumbnail apart.
func outcomeOf(x ports.Extraction) ports.Outcome {
	return ports.Outcome{Text: x.Text, Truncated: x.Truncated, PageCount: x.PageCount, PageStarts: x.PageStarts, About: domain.About{
		Title: x.Title, Author: x.Author, Language: x.Language, Warning: x.Warning,
		AuthoredAt: believable(x.Created), ModifiedAt: believable(x.Modified),
	}}
}

// believable drops a date that RFC 3339 cannot write. Files claim any date at all.
func believable(t time.Time) time.Time {
	if year := t.UTC().Year(); year < 1 || year > 9999 {
		return time.Time{}
	}
	return t
}
