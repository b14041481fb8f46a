package shell

import "net/http"

// ReadOnly answers the questions of the admin socket, under its paths, and takes no orders. Whoever serves it decides who
// may ask, bounds each answer by its request's context, and says who asks (WithOperator).
func ReadOnly(g Gateway) http.Handler {
	next := routes(g)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only questions are answered here", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}
