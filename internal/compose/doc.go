// Package compose holds compose/ to its promises. What the files say is tested everywhere; with the build tag containers, the whole
// vault is built, brought up, broken, scaled and taken down in containers (`make test-containers`).
package compose
