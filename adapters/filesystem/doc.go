// Package filesystem keeps objects as files below one folder. It is what `docuvault up` stores documents in; api and worker
// refuse it unless told otherwise, as a local folder is no place for several machines (D-05).
//
// An object is the file root/{owner}/{document}/{uuid4}{ext}. An upload goes to root/.tmp, is synced there, and gets its name
// by a hard link: it is whole and durable before anyone can see it, and a name that is taken is never written over. On a
// filesystem without hard links the name is looked up first and then given by renaming, which is the same but for two processes
// that upload one key at the same instant, and keys are random. The folders are synced before Put returns.
//
// Everything goes through os.Root: no name and no symbolic link planted below the root leads out of it. Files have mode 0600,
// folders 0700. Several processes may share a root.
package filesystem
