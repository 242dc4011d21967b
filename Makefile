# The commands are ./dev's; these are for hands that know make.
.PHONY: run test lint bench image

run test lint bench:
	./dev $@

image:
	docker build -t portal .
