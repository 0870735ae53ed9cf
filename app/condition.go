package app

import (
	"context"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Condition is asked about a thing as it is, before it is changed or removed and while nobody else can change it. Its error is
// passed on, and then nothing happens. It must do nothing but decide.
type Condition[T any] func(T) error

// met asks all conditions.
func met[T any](conditions []Condition[T], thing T) error {
	for _, condition := range conditions {
		if err := condition(thing); err != nil {
			return err
		}
	}
	return nil
}

// removeIf removes a thing in a transaction that first locks it, and asks the conditions, by an edit that changes nothing.
func removeIf[T any](ctx context.Context, repo ports.Repository, conditions []Condition[T], edit func(ports.Repository, func(*T) error) error, remove func(ports.Repository) error) error {
	if len(conditions) == 0 {
		return remove(repo)
	}
	return repo.Tx(ctx, func(tx ports.Repository) error {
		if err := edit(tx, func(thing *T) error { return met(conditions, *thing) }); err != nil {
			return err
		}
		return remove(tx)
	})
}

func (v *Vault) removeDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID, conditions []Condition[domain.Document]) (doc domain.Document, err error) {
	err = removeIf(ctx, v.repo, conditions, func(repo ports.Repository, ask func(*domain.Document) error) error {
		_, err := repo.EditDocument(ctx, owner, id, v.now(), ask)
		return err
	}, func(repo ports.Repository) (err error) {
		doc, err = repo.DeleteDocument(ctx, owner, id)
		return err
	})
	return doc, err
}
