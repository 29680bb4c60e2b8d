//go:build cgo

package main

/*
static int twice(int n) { return 2 * n; }
*/
import "C"
import "fmt"

//export Specimen
func Specimen(n C.int) C.int { return C.twice(n) }

func init() { fmt.Println(C.twice(2)) }
