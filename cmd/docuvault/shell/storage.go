package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docuvault/docuvault/adapters/filesystem"
	"github.com/docuvault/docuvault/adapters/minio"
	"github.com/docuvault/docuvault/adapters/observed"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/domain"
)

// openStorage opens the backend that the configuration names, and makes the bucket if it may. An S3 server that is down keeps
// nobody from starting: /health says so, it is used once it is back, and AwaitStorage makes the bucket then. One that refuses us
// does: that will not pass.
func (p *Parts) openStorage(ctx context.Context) error {
	ensure, err := p.newStorage()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	err = p.patiently(limited, "storage is not there yet", func() error { return ensure(limited) })
	switch reason := domain.ErrorReason(err); {
	case err == nil:
	case ctx.Err() != nil:
		return ctx.Err()
	case reason == "misconfigured":
		return fmt.Errorf("the S3 server refuses us; see that MINIO_ACCESS_KEY, MINIO_SECRET_KEY and MINIO_REGION are right: %w", err)
	case reason == "bucket_missing":
		return fmt.Errorf("make the bucket, or set MINIO_BUCKET to one that is there: %w", err)
	case domain.ErrorCode(err) != domain.Unavailable:
		return fmt.Errorf("open the storage: %w", err)
	default:
		p.log.ErrorContext(ctx, "starting without storage, uploads are refused until it is back", "error", err)
		p.ensure = ensure
	}
	p.Storage = observed.NewStorage(p.Storage, p.hooks.Telemetry.Observer())
	if p.hooks.Storage != nil {
		p.Storage = p.hooks.Storage(p.Storage)
	}
	return nil
}

// Pauses of AwaitStorage between tries: the first, and the one that doubling ends with.
const firstTry, lastTry = time.Second, 15 * time.Second

// AwaitStorage is a Service: when storage was down at the start, it makes the bucket as soon as storage answers. It goes on
// trying for as long as that takes, whatever the reason; /health tells meanwhile.
func (p *Parts) AwaitStorage(soft, _ context.Context) error {
	for pause := firstTry; p.ensure != nil; pause = min(2*pause, lastTry) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-soft.Done():
			timer.Stop()
			return nil
		}
		limited, cancel := context.WithTimeout(soft, openPatience)
		err := p.ensure(limited)
		cancel()
		switch {
		case err == nil:
			p.log.InfoContext(soft, "storage is there")
			p.ensure = nil
		case soft.Err() == nil:
			p.log.WarnContext(soft, "storage is not there yet", "error", err)
		}
	}
	<-soft.Done() // a service that returns ends the program
	return nil
}

// newStorage sets the backend up without calling it, and returns what makes the place for objects.
func (p *Parts) newStorage() (ensure func(context.Context) error, err error) {
	at := p.cfg.Storage
	if at.Backend == config.BackendFilesystem {
		store, err := filesystem.New(filesystem.Config{Root: at.Dir}, p.log)
		if err != nil {
			return nil, fmt.Errorf("open the storage folder %s: %w", at.Dir, err)
		}
		p.Storage = store
		p.closers = append(p.closers, store.Close)
		return func(context.Context) error { return nil }, nil
	}
	store, err := minio.New(minio.Config{
		Endpoint: at.Endpoint, Secure: at.Secure, Bucket: at.Bucket, AccessKey: at.AccessKey, SecretKey: at.SecretKey,
		Region: at.Region, PublicEndpoint: at.PublicEndpoint,
	}, p.log)
	if err != nil {
		return nil, storageProblems(err)
	}
	p.Storage = store
	p.closers = append(p.closers, store.Close)
	return store.EnsureBucket, nil
}

// storageProblems names the variables behind the fields that an adapter refuses.
func storageProblems(err error) error {
	var invalid *domain.Error
	if !errors.As(err, &invalid) || invalid.Code != domain.Invalid {
		return fmt.Errorf("set up the storage: %w", err)
	}
	var problems config.Problems
	for _, f := range invalid.Fields {
		problems = append(problems, config.Problem{Variable: "MINIO_" + strings.ToUpper(f.Field), Wrong: f.Message, Do: "see docs/configuration.md"})
	}
	return problems
}
