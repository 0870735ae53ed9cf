package testenv

import (
	"os"
	"testing"
)

// Containers reports whether TESTENV asks for servers from containers in place of local programs.
func Containers() bool { return os.Getenv("TESTENV") == "containers" }

func containerPostgres(t testing.TB) *DatabaseServer {
	t.Helper()
	t.Fatal("testenv: TESTENV=containers is not supported yet")
	return nil
}

func containerRedis(t testing.TB) RedisServer {
	t.Helper()
	t.Fatal("testenv: TESTENV=containers is not supported yet")
	return RedisServer{}
}

func containerS3(t testing.TB) S3Server {
	t.Helper()
	t.Fatal("testenv: TESTENV=containers is not supported yet")
	return S3Server{}
}
