package rest

import (
	"fmt"
	"strings"

	"github.com/docuvault/docuvault/domain"
)

// fieldErrors gathers what is wrong with the fields of one request, so that a person sees all of it at once.
type fieldErrors struct {
	fields  []domain.FieldError
	invalid bool // at least one is more than a malformed id
}

// add notes that a field's value is not acceptable.
func (f *fieldErrors) add(field, format string, args ...any) {
	f.invalid = true
	f.fields = append(f.fields, domain.FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// malformed notes that a field's value cannot be parsed, such as a text that is no UUID.
func (f *fieldErrors) malformed(field string, err error) {
	f.fields = append(f.fields, domain.FieldError{Field: field, Message: domain.ErrorMessage(err)})
}

// err returns nil, or one error that names every field: Invalid, or Malformed if values merely could not be parsed.
func (f *fieldErrors) err() error {
	if len(f.fields) == 0 {
		return nil
	}
	e := &domain.Error{Code: domain.Malformed, Fields: f.fields}
	if f.invalid {
		e.Code = domain.Invalid
	}
	var said []string
	for _, field := range f.fields {
		said = append(said, field.Field+": "+field.Message)
	}
	e.Message = strings.Join(said, "; ")
	return e
}

// folderID reads an optional folder id: nil, and noted, if it is malformed.
func (f *fieldErrors) folderID(field, s string) *domain.FolderID {
	id, err := domain.ParseFolderID(s)
	if err != nil {
		f.malformed(field, err)
		return nil
	}
	return &id
}

// topicIDs reads topic ids, without repetitions.
func (f *fieldErrors) topicIDs(field string, list []string) []domain.TopicID {
	if len(list) > maxTopicIDs {
		f.add(field, "must be at most %d topics, these are %d", maxTopicIDs, len(list))
		return nil
	}
	ids := make([]domain.TopicID, 0, len(list))
	seen := make(map[domain.TopicID]bool, len(list))
	for _, s := range list {
		id, err := domain.ParseTopicID(s)
		if err != nil {
			f.malformed(field, err)
			return nil
		}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// maxTopicIDs bounds how many topics one request may name.
const maxTopicIDs = 100
