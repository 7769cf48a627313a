"""Phase space: branches of fixed points, their bifurcations, limit cycles."""
