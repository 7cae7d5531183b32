// Package kafkapython runs kafka-python, unmodified, at the version of requirements.txt.
package kafkapython
