package celery

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                                     "tcp [127.0.0.1:6379] user= pw= db=0 tls=false sentinel=false",
		"redis://":                             "tcp [127.0.0.1:6379] user= pw= db=0 tls=false sentinel=false",
		"redis://h":                            "tcp [h:6379] user= pw= db=0 tls=false sentinel=false",
		"redis://h/":                           "tcp [h:6379] user= pw= db=0 tls=false sentinel=false",
		"redis://h//":                          "tcp [h:6379] user= pw= db=0 tls=false sentinel=false",
		"redis://:pw@h/1":                      "tcp [h:6379] user= pw=pw db=1 tls=false sentinel=false",
		"redis://user:p%40ss@h:6380/2":         "tcp [h:6380] user=user pw=p@ss db=2 tls=false sentinel=false",
		"redis://h/0?socket_timeout=5":         "tcp [h:6379] user= pw= db=0 tls=false sentinel=false",
		"redis://[::1]:7/3":                    "tcp [[::1]:7] user= pw= db=3 tls=false sentinel=false",
		"rediss://h:6380/1":                    "tcp [h:6380] user= pw= db=1 tls=verified sentinel=false",
		"rediss://h/1?ssl_cert_reqs=none":      "tcp [h:6379] user= pw= db=1 tls=unverified sentinel=false",
		"rediss://h/1?ssl_cert_reqs=CERT_NONE": "tcp [h:6379] user= pw= db=1 tls=unverified sentinel=false",
		"rediss://h/1?ssl_cert_reqs=CERT_REQUIRED":      "tcp [h:6379] user= pw= db=1 tls=verified sentinel=false",
		"redis+socket:///run/redis.sock?virtual_host=4": "unix [/run/redis.sock] user= pw= db=4 tls=false sentinel=false",
		"unix:///run/redis.sock?db=2":                   "unix [/run/redis.sock] user= pw= db=2 tls=false sentinel=false",
		"redis://h1/0;redis://h2/0":                     "tcp [h1:6379 h2:6379] user= pw= db=0 tls=false sentinel=false",
		"sentinel://:pw@s1:26379/2;sentinel://:pw@s2/2": "tcp [s1:26379 s2:26379] user= pw=pw db=2 tls=false sentinel=true",
	} {
		e, err := parseURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		tls := "false"
		if e.tls != nil {
			tls = map[bool]string{true: "unverified", false: "verified"}[e.tls.InsecureSkipVerify]
		}
		if got := fmt.Sprintf("%s %v user=%s pw=%s db=%d tls=%s sentinel=%v", e.network, e.addrs, e.user, e.password, e.db, tls, e.sentinel); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", raw, got, want)
		}
	}
}

func TestURLErrorsHideSecrets(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"http://:hunter2@h", "redis://:hunter2@h/x", "redis://:hunter2@h:port/0", "redis://:hunter2@h/0;sentinel://s", "redis+socket://:hunter2@",
		"rediss://:hunter2@h/0?ssl_cert_reqs=perhaps", "rediss://:hunter2@h/0?ssl_ca_certs=/nowhere", "sentinel://:hunter2@s/0", "redis://:hunter2@%zz"} {
		_, err := Open(Config{BrokerURL: raw})
		if err == nil {
			t.Errorf("%s is accepted", raw)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestKeyspace(t *testing.T) {
	t.Parallel()
	k, err := newKeyspace(Config{}.withDefaults(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[int]string{-1: "q", 0: "q", 2: "q", 3: "q\x06\x163", 5: "q\x06\x163", 8: "q\x06\x166", 9: "q\x06\x169", 255: "q\x06\x169"} {
		if got := k.list("q", k.step(p)); got != want {
			t.Errorf("priority %d: %q", p, got)
		}
	}
	// The vector msg_p2_keyprefix_priosteps_sep.
	k, err = newKeyspace(Config{KeyPrefix: "dv:", Separator: ":", PrioritySteps: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, ResultKeyPrefix: "res"}.withDefaults(), 3)
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		k.list("celery", k.step(7)): "dv:celery:7", k.bindingMember("celery"): "celery::celery", k.unacked(): "dv:unacked",
		k.channel("celery.pidbox"): "dv:/3.celery.pidbox", k.result("x"): "res_celery-task-meta-x",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, steps := range [][]int{{}, {3, 3}, {-1}, {256}} {
		if _, err := newKeyspace(Config{PrioritySteps: steps}, 0); err == nil {
			t.Errorf("steps %v are accepted", steps)
		}
	}
}
