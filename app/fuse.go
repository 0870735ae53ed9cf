package app

import (
	"context"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// A sweep removes no more than this unless it is forced: more is rarely what crashes left behind, and mostly the sign of a
// wrong or empty database, or of one restored from a backup older than the objects.
const (
	fuseOrphans = 10 // any number up to this, provided that some object is named by a row
	fusePercent = 10 // of the objects of this vault; the objects too young to tell count as kept
)

// fuse looks at all of storage before anything is removed, and is Conflict with reason "mass_removal" if too much would go.
func (s *Sweeper) fuse(ctx context.Context, before time.Time) error {
	var seen SweepReport
	if err := s.sweepObjects(ctx, before, SweepOptions{Found: func(Finding) {}}, &seen); err != nil {
		return err
	}
	ours := seen.Objects - seen.Foreign
	none := seen.Orphans > 0 && ours == seen.Orphans+seen.Young+seen.Models
	if many := seen.Orphans > fuseOrphans && seen.Orphans*100 > ours*fusePercent; !none && !many {
		return nil
	}
	return domain.Errorf(domain.Conflict, "%d of %d objects would be removed, so nothing was: is this the right database, and as new as the objects?",
		seen.Orphans, ours).Because("mass_removal")
}
