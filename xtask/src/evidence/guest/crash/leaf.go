package main

// Calls nothing. The array is only touched where n is negative, which it never is:
// a call costs its prologue and its epilogue.
//
//go:noinline
func victim(n int) int {
	if n < 0 {
		var array [locals]byte
		array[n&0xff] = 1
		return int(array[n>>8&0xff])
	}
	return n
}
