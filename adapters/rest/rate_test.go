package rest_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestUploadRate(t *testing.T) {
	t.Parallel()
	var clients []string
	wait := 1500 * time.Millisecond
	var fails error
	h := open(t, func(p *plan) {
		p.rest.TrustedProxies = []string{"127.0.0.0/8"}
		p.rest.UploadLimit = func(_ context.Context, client string) (time.Duration, error) {
			clients = append(clients, client)
			return wait, fails
		}
	})
	upload := func(from string) *http.Response {
		t.Helper()
		contentType, body := form(t, file("a.txt", "text"))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/api/documents/upload", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("X-Forwarded-For", from)
		answer, err := h.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer
	}
	if answer := upload("203.0.113.7"); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") != "2" {
		t.Errorf("too many: %d, Retry-After %q", answer.StatusCode, answer.Header.Get("Retry-After"))
	}
	wait = 0
	if answer := upload("2001:db8:1:2:3:4:5:6"); answer.StatusCode != http.StatusCreated {
		t.Errorf("within the rate: %d", answer.StatusCode)
	}
	wait, fails = time.Hour, errors.New("nobody counts")
	if answer := upload("::ffff:203.0.113.8"); answer.StatusCode != http.StatusCreated {
		t.Errorf("while nobody counts: %d", answer.StatusCode)
	}
	if got := strings.Join(clients, " "); got != "203.0.113.7 2001:db8:1:2::/64 203.0.113.8" {
		t.Errorf("clients: %s", got)
	}
	if !strings.Contains(h.logs.text(), "uploads cannot be counted") {
		t.Error("nothing is logged when nobody counts")
	}
	before := len(clients)
	if answer, err := h.client.Get(h.url + "/api/documents"); err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK || len(clients) != before {
		t.Errorf("only uploads are limited: %v", err)
	}
}

// Only proxies that were named are believed: anybody else is who the connection says.
func TestForwardedForOfAnybodyIsIgnored(t *testing.T) {
	t.Parallel()
	var client atomic.Value
	h := open(t, func(p *plan) {
		p.rest.TrustedProxies = []string{"203.0.113.0/24"}
		p.rest.UploadLimit = func(_ context.Context, who string) (time.Duration, error) {
			client.Store(who)
			return time.Minute, nil
		}
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/api/documents/upload", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"} {
		request.Header.Set(name, "198.51.100.1")
	}
	answer, err := h.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if got := client.Load(); answer.StatusCode != http.StatusTooManyRequests || got != "127.0.0.1" {
		t.Errorf("status %d, client %v", answer.StatusCode, got)
	}
}
