package minio

import (
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/docuvault/docuvault/domain"
)

// Config says where the bucket is and how to get at it (D-15). What is not marked required has a default.
type Config struct {
	// Endpoint is host or host:port, or an http or https URL of nothing more. Required.
	Endpoint string

	// Secure asks for TLS where the endpoint is not a URL.
	Secure bool

	// Bucket is docuvault by default.
	Bucket string

	// AccessKey and SecretKey need read, write and list rights on the bucket and nothing else. Required.
	AccessKey, SecretKey string

	// Region is that of the endpoint's name if it has one, else us-east-1, which MinIO takes.
	Region string

	// PublicEndpoint is the address under which others reach the server, written like Endpoint. Links are made for it. If it
	// is empty, URL is NotSupported.
	PublicEndpoint string

	// PartSize is the length in bytes of the parts of a long upload, and up to which an upload is not cut into parts. It is
	// 10 MiB by default, 5 MiB at least, and bounds what one upload holds in memory to twice its value. S3 takes 10,000 parts.
	PartSize int64

	// UnsignedPayloads has the bytes of short uploads over plain HTTP checksummed and not signed, for a quarter more of them a
	// second. Somebody on the way could then change them unnoticed: only for a network that is trusted whole. With TLS nothing
	// is signed in either case, TLS itself guards the bytes.
	UnsignedPayloads bool

	// Timeout bounds each wait for the server: for an answer to a request, for the next byte. One minute by default.
	Timeout time.Duration
}

const (
	defaultBucket   = "docuvault"
	defaultRegion   = "us-east-1"
	defaultPartSize = 10 << 20
	minPartSize     = 5 << 20
	maxPartSize     = 1 << 30
	maxParts        = 10_000
	defaultTimeout  = time.Minute
)

// address is where a server is.
type address struct {
	host   string // with port if it has one
	secure bool
}

func (a address) url() url.URL {
	scheme := "http"
	if a.secure {
		scheme = "https"
	}
	return url.URL{Scheme: scheme, Host: a.host}
}

// withDefaults fills in what is not set and refuses what cannot be.
func (c Config) withDefaults() (Config, error) {
	if c.Bucket == "" {
		c.Bucket = defaultBucket
	}
	if c.PartSize == 0 {
		c.PartSize = defaultPartSize
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	switch {
	case c.Endpoint == "":
		return c, domain.InvalidField("endpoint", "is not set")
	case c.AccessKey == "":
		return c, domain.InvalidField("access_key", "is not set")
	case c.SecretKey == "":
		return c, domain.InvalidField("secret_key", "is not set")
	case c.PartSize < minPartSize || c.PartSize > maxPartSize:
		return c, domain.InvalidField("part_size", "must be from 5 MiB to 1 GiB")
	case c.Timeout < 0:
		return c, domain.InvalidField("timeout", "must be positive")
	case s3utils.CheckValidBucketNameStrict(c.Bucket) != nil:
		return c, domain.InvalidField("bucket", "is not a valid bucket name")
	}
	return c, nil
}

// parseAddress reads an endpoint as Config describes it.
func parseAddress(field, text string, secure bool) (address, error) {
	at := address{host: text, secure: secure}
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
			u.Path != "" && u.Path != "/" {
			return address{}, domain.InvalidField(field, "must be host:port or an http or https URL without a path")
		}
		at = address{host: u.Host, secure: u.Scheme == "https"}
	}
	u := at.url()
	parsed, err := url.Parse(u.String())
	if err != nil || parsed.Host != at.host || parsed.Hostname() == "" || parsed.Path != "" {
		return address{}, domain.InvalidField(field, "must be host:port or an http or https URL without a path")
	}
	return at, nil
}

// regionOf returns the region to sign for. Having one, the client never asks the server for it.
func (c Config) regionOf(at address) string {
	if c.Region != "" {
		return c.Region
	}
	if region := s3utils.GetRegionFromURL(at.url()); region != "" {
		return region
	}
	return defaultRegion
}
