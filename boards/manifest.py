"""What every board runs."""

package("femtojack", base_path="../firmware")
module("main.py", base_path="../firmware")
package("common", base_path=".")
