package rest

import (
	"context"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/domain"
)

// Limit counts one for a client and returns 0 if that is within its limit, else how long it has to wait.
type Limit func(ctx context.Context, client string) (wait time.Duration, err error)

// withinRate refuses an upload of a client that sends too many. Where nobody can count them, all are taken: a Redis that is down is
// no reason to refuse a document (D-07).
func (a *API) withinRate(c *gin.Context) error {
	if a.cfg.UploadLimit == nil {
		return nil
	}
	ctx := c.Request.Context()
	wait, err := a.cfg.UploadLimit(ctx, network(c.ClientIP()))
	switch {
	case err != nil:
		a.log.WarnContext(ctx, "uploads cannot be counted, this one is taken", "error", err)
		return nil
	case wait <= 0:
		return nil
	}
	seconds := int(math.Ceil(wait.Seconds()))
	c.Header("Retry-After", strconv.Itoa(seconds))
	return domain.Errorf(codeTooMany, "too many uploads; the next one can be sent in %d s", seconds)
}

// network is who counts as one client: an address of IPv4, and a /64 of IPv6, which is the least that one is given.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if addr = addr.Unmap(); addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr.WithZone(""), 64).Masked().String()
}
