package main

// Makes a call, where n is negative, which it never is: a call of it costs its
// prologue and its epilogue.
//
//go:noinline
func victim(n int) int {
	if n < 0 {
		var array [locals]byte
		return use(&array)
	}
	return n
}

//go:noinline
func use(array *[locals]byte) int {
	return int(array[1])
}
