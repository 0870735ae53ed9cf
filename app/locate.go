package app

import (
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// elsewhere is the error of a document whose bytes another backend keeps, as after a change of STORAGE_BACKEND: Unavailable,
// for they are not lost, only out of this program's reach. It is nil if they are here.
func elsewhere(doc domain.Document, here ports.StorageBackend) error {
	if doc.Backend == here.Name() {
		return nil
	}
	return domain.Errorf(domain.Unavailable, "the bytes of this document are stored elsewhere: in %q, and this vault reads %q", doc.Backend, here.Name()).Because(storedElsewhere)
}

const storedElsewhere = "stored_elsewhere"
